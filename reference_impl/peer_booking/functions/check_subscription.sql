-- Refuse a subscription that doesn't exist, or is another user's.

create or replace function peer_booking.check_subscription(p_subscription_id uuid, p_user_id uuid)
returns void
language plpgsql
stable
set search_path = ''
as $$
declare
    v_user_id uuid;
begin
    select subscription.user_id
    into v_user_id
    from peer_booking.subscriptions as subscription
    where subscription.id = p_subscription_id;

    if v_user_id is null then
        raise exception 'Subscription not found: %', p_subscription_id;
    elsif v_user_id is distinct from p_user_id then
        raise exception 'Subscription belongs to another user: %', p_subscription_id;
    end if;
end;
$$;

alter function peer_booking.check_subscription(uuid, uuid) owner to peer_booking_owner;
revoke all on function peer_booking.check_subscription(uuid, uuid)
from public, anon, authenticated, service_role;
