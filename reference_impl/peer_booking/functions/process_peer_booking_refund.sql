-- Give a client back what a session cost, once; the practitioner has to have it still.
--
-- The session is the key. Refunding it again for the same reason answers as the first time. A refusal is an
-- answer with success = false and the reason, and leaves the session as it was.

create or replace function peer_booking.process_peer_booking_refund(
    p_session_id uuid,
    p_reason text
)
returns json
language plpgsql
security definer
set search_path = ''
as $$
declare
    v_session peer_booking.peer_sessions;
    v_transfer peer_booking.credit_transfers;
begin
    if p_reason is null or btrim(p_reason) = '' then
        raise exception 'Reason is missing';
    end if;

    -- This row lock puts two refunds of one session in a line; the second finds it refunded.
    select session.*
    into v_session
    from peer_booking.peer_sessions as session
    where session.id = p_session_id
    for no key update;

    if v_session.id is null then
        raise exception 'Session not found: %', p_session_id;
    elsif v_session.status = 'refunded' and v_session.refund_reason <> p_reason then
        raise exception 'Session was refunded for another reason: %', p_session_id;
    elsif v_session.status not in ('booked', 'refunded') then
        raise exception 'Session cannot be refunded. Status: %', v_session.status;
    end if;

    if v_session.status = 'booked' then
        -- The booking the other way round: what was paid is what was written down, not what anybody claims.
        insert into peer_booking.credit_transfers as transfer (
            kind, from_user_id, to_user_id, amount, description, session_id
        )
        select 'refund', booking.to_user_id, booking.from_user_id, booking.amount, p_reason, p_session_id
        from peer_booking.credit_transfers as booking
        where booking.session_id = p_session_id and booking.kind = 'booking'
        returning transfer.* into strict v_transfer;
        perform peer_booking.move_credits(v_transfer);

        update peer_booking.peer_sessions as session
        set status = 'refunded', refunded_at = now(), refund_reason = p_reason
        where session.id = p_session_id
        returning session.id into strict v_session.id;
    end if;

    return (
        select
            json_build_object(
                'success', true,
                'credits_refunded', legs.amount,
                'client_balance_before', legs.receiver_balance_before,
                'client_balance_after', legs.receiver_balance_after,
                'practitioner_balance_before', legs.payer_balance_before,
                'practitioner_balance_after', legs.payer_balance_after
            )
        from peer_booking.credit_transfer_legs as legs
        where legs.session_id = p_session_id and legs.kind = 'refund'
    );
exception
    -- Our own refusals, and nothing else: a deadlock or a lost race must reach the caller as what it is.
    -- What the call has done up to here is undone with the block.
    when raise_exception then
        return json_build_object('success', false, 'error', sqlerrm, 'credits_refunded', 0);
end;
$$;

alter function peer_booking.process_peer_booking_refund(uuid, text) owner to peer_booking_owner;
revoke all on function peer_booking.process_peer_booking_refund(uuid, text)
from public, anon, authenticated, service_role;
grant execute on function peer_booking.process_peer_booking_refund(uuid, text) to service_role;
