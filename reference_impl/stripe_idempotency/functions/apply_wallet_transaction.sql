-- Put an amount into a user's wallet ("credit") or take it out ("debit"), for a reason that the ledger keeps.
--
-- The same idempotency key again answers as the first time, with already_applied.

create or replace function stripe_idempotency.apply_wallet_transaction(
    p_user_id uuid,
    p_transaction_type text,
    p_amount integer,
    p_reference text,
    p_idempotency_key text default null,
    out transaction_id uuid,
    out new_balance integer,
    out already_applied boolean
)
language plpgsql
security definer
set search_path = ''
as $$
begin
    if p_transaction_type is null or p_transaction_type not in ('credit', 'debit') then
        raise exception 'Unknown transaction type: %', p_transaction_type;
    elsif p_amount is null or p_amount <= 0 then
        raise exception 'Invalid amount: %', p_amount;
    elsif p_reference is null or btrim(p_reference) = '' then
        raise exception 'Reference is missing';
    elsif p_idempotency_key is not null and stripe_idempotency.is_identifier(p_idempotency_key) is not true then
        raise exception 'Invalid idempotency key: %', p_idempotency_key;
    elsif not exists (select 1 from stripe_idempotency.users as account where account.id = p_user_id) then
        raise exception 'User not found: %', p_user_id;
    end if;

    select posted.*
    into strict transaction_id, new_balance, already_applied
    from stripe_idempotency.post_wallet_transaction(
        p_user_id,
        case p_transaction_type when 'credit' then p_amount else -p_amount end,
        p_transaction_type,
        p_reference,
        p_idempotency_key => p_idempotency_key
    ) as posted;
end;
$$;

alter function stripe_idempotency.apply_wallet_transaction(uuid, text, integer, text, text)
owner to stripe_idempotency_owner;
revoke all on function stripe_idempotency.apply_wallet_transaction(uuid, text, integer, text, text)
from public, anon, authenticated, service_role;
grant execute on function stripe_idempotency.apply_wallet_transaction(uuid, text, integer, text, text)
to service_role;
