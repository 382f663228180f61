-- Stripe says that a user has paid: put the amount into the wallet and mark the event as processed, in one
-- transaction, however often the event is delivered. Returns the wallet's transaction.
--
-- The event is the key. Delivered again it answers as the first time, with already_processed.

create or replace function stripe_idempotency.apply_stripe_wallet_event(
    p_event_id text,
    p_event_type text,
    p_user_id uuid,
    p_amount integer,
    out transaction_id uuid,
    out new_balance integer,
    out already_processed boolean
)
language plpgsql
security definer
set search_path = ''
as $$
declare
    v_event stripe_idempotency.stripe_webhook_events;
begin
    perform stripe_idempotency.check_webhook_event(p_event_id, p_event_type);
    if p_amount is null or p_amount <= 0 then
        raise exception 'Invalid amount: %', p_amount;
    elsif not exists (select 1 from stripe_idempotency.users as account where account.id = p_user_id) then
        raise exception 'User not found: %', p_user_id;
    end if;

    -- No conflict target: the id begins two unique indexes, and of two calls that meet between them one would fail
    -- raw at the index that isn't named.
    -- Inserting claims the event: a second delivery waits here until the first has committed or is gone.
    insert into stripe_idempotency.stripe_webhook_events as event (event_id, event_type, user_id, amount)
    values (p_event_id, p_event_type, p_user_id, p_amount)
    on conflict do nothing
    returning event.* into v_event;

    already_processed := not found;
    if already_processed then
        select event.*
        into strict v_event
        from stripe_idempotency.stripe_webhook_events as event
        where event.event_id = p_event_id;

        -- An event that is processed step by step has no user and no amount.
        if (v_event.event_type, v_event.user_id, v_event.amount)
            is distinct from (p_event_type, p_user_id, p_amount)
        then
            raise exception 'Event was delivered with other content: %', p_event_id;
        end if;
        select entry.id, entry.balance_after
        into strict transaction_id, new_balance
        from stripe_idempotency.wallet_transactions as entry
        where entry.stripe_event_id = p_event_id;
        return;
    end if;

    select posted.transaction_id, posted.new_balance
    into strict transaction_id, new_balance
    from stripe_idempotency.post_wallet_transaction(
        p_user_id, p_amount, 'payment', p_event_id, p_stripe_event_id => p_event_id
    ) as posted;

    update stripe_idempotency.stripe_webhook_events as event
    set status = 'processed', effect = transaction_id::text, processed_at = now()
    where event.event_id = p_event_id
    returning event.event_id into strict v_event.event_id;
end;
$$;

alter function stripe_idempotency.apply_stripe_wallet_event(text, text, uuid, integer)
owner to stripe_idempotency_owner;
revoke all on function stripe_idempotency.apply_stripe_wallet_event(text, text, uuid, integer)
from public, anon, authenticated, service_role;
grant execute on function stripe_idempotency.apply_stripe_wallet_event(text, text, uuid, integer) to service_role;
