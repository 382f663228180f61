-- Move the credits of an operation: change the balance and write the entry that says so. The only place where
-- either is written.
--
-- Where the balance doesn't allow it, CP001 is raised with the reason, so that the caller's block undoes the
-- operation too.

create or replace function credit_purchase.post_credit_entry(p_operation credit_purchase.credit_operations)
returns void
language plpgsql
set search_path = ''
as $$
declare
    -- bigint: the sum below has to be compared with the largest integer before it becomes one.
    v_amount bigint := case p_operation.operation_type
        when 'reserve' then -p_operation.amount
        else p_operation.amount
    end;
    v_after integer;
begin
    -- Look and change in one statement. A movement that overlaps waits here for the row, and PostgreSQL then
    -- compares with the balance that the other one has left. The profile is there: the operation refers to it.
    update credit_purchase.user_profiles as profile
    set credit_balance = profile.credit_balance + v_amount, updated_at = now()
    where profile.id = p_operation.user_id
        and profile.credit_balance + v_amount between 0 and 2147483647
    returning profile.credit_balance into v_after;

    if not found then
        raise exception using
            errcode = 'CP001',
            message = case when v_amount < 0 then 'insufficient_credits' else 'balance_overflow' end;
    end if;

    -- entry_no is drawn here, under the row lock of the update: a user's entries are numbered in the order in
    -- which they happened.
    insert into credit_purchase.credit_entries (
        user_id, amount, balance_before, balance_after, kind, reference, request_key
    )
    values (
        p_operation.user_id,
        v_amount,
        v_after - v_amount,
        v_after,
        p_operation.operation_type,
        coalesce(
            p_operation.stripe_session_id,
            p_operation.reservation_key::text,
            p_operation.idempotency_key::text
        ),
        p_operation.idempotency_key
    );
end;
$$;

alter function credit_purchase.post_credit_entry(credit_purchase.credit_operations)
owner to credit_purchase_owner;
revoke all on function credit_purchase.post_credit_entry(credit_purchase.credit_operations)
from public, anon, authenticated, service_role;
