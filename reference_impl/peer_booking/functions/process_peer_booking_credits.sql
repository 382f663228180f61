-- Book a peer's session: the client pays, the practitioner earns, the session is booked; all or nothing.
--
-- The session is the key. Booking it again answers as the first time. A refusal is an answer with
-- success = false and the reason, and leaves the session as it was.

create or replace function peer_booking.process_peer_booking_credits(
    p_client_id uuid,
    p_practitioner_id uuid,
    p_session_id uuid,
    p_duration_minutes integer
)
returns json
language plpgsql
security definer
set search_path = ''
as $$
declare
    v_cost integer := peer_booking.peer_credit_cost(p_duration_minutes);
    v_session peer_booking.peer_sessions;
    v_transfer peer_booking.credit_transfers;
begin
    if v_cost is null then
        raise exception 'Invalid duration: %', p_duration_minutes;
    elsif p_client_id = p_practitioner_id then
        raise exception 'Client and practitioner are the same: %', p_client_id;
    end if;

    -- This row lock decides between two bookings of one session, and between booking and refund.
    select session.*
    into v_session
    from peer_booking.peer_sessions as session
    where session.id = p_session_id
    for no key update;

    if v_session.id is null then
        raise exception 'Session not found: %', p_session_id;
    elsif (v_session.client_id, v_session.practitioner_id) is distinct from (p_client_id, p_practitioner_id) then
        raise exception 'Session has another client or practitioner: %', p_session_id;
    elsif v_session.duration_minutes <> p_duration_minutes then
        raise exception 'Session has another duration. Given: %, Required: %',
            p_duration_minutes, v_session.duration_minutes;
    elsif v_session.status not in ('pending', 'booked') then
        raise exception 'Session cannot be booked. Status: %', v_session.status;
    end if;

    if v_session.status = 'pending' then
        insert into peer_booking.credit_transfers as transfer (kind, from_user_id, to_user_id, amount, session_id)
        values ('booking', p_client_id, p_practitioner_id, v_cost, p_session_id)
        returning transfer.* into v_transfer;
        perform peer_booking.move_credits(v_transfer);

        update peer_booking.peer_sessions as session
        set status = 'booked', credit_cost = v_cost, booked_at = now()
        where session.id = p_session_id
        returning session.id into strict v_session.id;
    end if;

    return (
        select
            json_build_object(
                'success', true,
                'credit_cost', legs.amount,
                'client_balance_before', legs.payer_balance_before,
                'client_balance_after', legs.payer_balance_after,
                'practitioner_balance_before', legs.receiver_balance_before,
                'practitioner_balance_after', legs.receiver_balance_after
            )
        from peer_booking.credit_transfer_legs as legs
        where legs.session_id = p_session_id and legs.kind = 'booking'
    );
exception
    -- Our own refusals, and nothing else: a deadlock or a lost race must reach the caller as what it is.
    -- What the call has done up to here is undone with the block.
    when raise_exception then
        return json_build_object('success', false, 'error', sqlerrm, 'credit_cost', v_cost);
end;
$$;

alter function peer_booking.process_peer_booking_credits(uuid, uuid, uuid, integer) owner to peer_booking_owner;
revoke all on function peer_booking.process_peer_booking_credits(uuid, uuid, uuid, integer)
from public, anon, authenticated, service_role;
grant execute on function peer_booking.process_peer_booking_credits(uuid, uuid, uuid, integer) to service_role;
