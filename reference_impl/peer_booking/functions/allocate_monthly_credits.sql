-- Give a user the credits of a subscription's period, and return the allocation's id.
--
-- The subscription and the period's start, as Stripe has it, are the request key. Several webhooks tell of
-- one period, in any order and more than once; the first allocates, and all get the same id.

create or replace function peer_booking.allocate_monthly_credits(
    p_user_id uuid,
    p_subscription_id uuid,
    p_amount integer,
    p_allocation_type text,
    p_period_start timestamptz,
    p_period_end timestamptz
)
returns uuid
language plpgsql
security definer
set search_path = ''
as $$
declare
    v_allocation peer_booking.credit_allocations;
begin
    perform peer_booking.check_amount(p_amount);
    if p_allocation_type is null or p_allocation_type not in ('monthly', 'yearly') then
        raise exception 'Unknown allocation type: %', p_allocation_type;
    elsif (p_period_start < p_period_end and isfinite(p_period_start) and isfinite(p_period_end)) is not true then
        raise exception 'Invalid period';
    end if;

    -- Inserting claims the period: a second call for it waits here until the first has committed or is gone.
    -- For a subscription that isn't the user's there is nothing to insert.
    insert into peer_booking.credit_allocations as allocation (
        user_id, amount, allocation_type, subscription_id, period_start, period_end
    )
    select subscription.user_id, p_amount, p_allocation_type, subscription.id, p_period_start, p_period_end
    from peer_booking.subscriptions as subscription
    where subscription.id = p_subscription_id and subscription.user_id = p_user_id
    on conflict (subscription_id, period_start) do nothing
    returning allocation.* into v_allocation;

    if found then
        perform peer_booking.lock_accounts(array[p_user_id]);
        perform peer_booking.post_credit_entry(
            p_user_id, p_amount, 'session_earning', p_allocation_type || ' credits', p_subscription_id, 'subscription',
            p_allocation_id => v_allocation.id
        );
        return v_allocation.id;
    end if;

    perform peer_booking.check_users(array[p_user_id]);
    perform peer_booking.check_subscription(p_subscription_id, p_user_id);
    select allocation.*
    into strict v_allocation
    from peer_booking.credit_allocations as allocation
    where allocation.subscription_id = p_subscription_id and allocation.period_start = p_period_start;

    if (v_allocation.amount, v_allocation.allocation_type, v_allocation.period_end)
        is distinct from (p_amount, p_allocation_type, p_period_end) then
        raise exception 'Period was allocated with other arguments: %', p_subscription_id;
    end if;
    return v_allocation.id;
end;
$$;

alter function peer_booking.allocate_monthly_credits(uuid, uuid, integer, text, timestamptz, timestamptz)
owner to peer_booking_owner;
revoke all on function peer_booking.allocate_monthly_credits(uuid, uuid, integer, text, timestamptz, timestamptz)
from public, anon, authenticated, service_role;
grant execute on function peer_booking.allocate_monthly_credits(uuid, uuid, integer, text, timestamptz, timestamptz)
to service_role;
