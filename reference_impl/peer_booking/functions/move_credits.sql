-- Carry out a transfer that has been written down: take from the payer, give to the receiver, both or
-- neither.

create or replace function peer_booking.move_credits(p_transfer peer_booking.credit_transfers)
returns void
language plpgsql
set search_path = ''
as $$
declare
    v_spend_type text := case p_transfer.kind
        when 'booking' then 'session_payment'
        when 'refund' then 'session_reversal'
        else 'transfer_out'
    end;
    v_earn_type text := case p_transfer.kind
        when 'booking' then 'session_earning'
        when 'refund' then 'session_refund'
        else 'transfer_in'
    end;
    v_reference_id uuid := coalesce(p_transfer.session_id, p_transfer.reference_id);
    v_reference_type text := case p_transfer.kind
        when 'transfer' then p_transfer.reference_type
        else 'peer_session'
    end;
begin
    perform peer_booking.lock_accounts(array[p_transfer.from_user_id, p_transfer.to_user_id]);
    perform peer_booking.post_credit_entry(
        p_transfer.from_user_id, -p_transfer.amount, v_spend_type,
        p_transfer.description, v_reference_id, v_reference_type, p_transfer_id => p_transfer.id
    );
    perform peer_booking.post_credit_entry(
        p_transfer.to_user_id, p_transfer.amount, v_earn_type,
        p_transfer.description, v_reference_id, v_reference_type, p_transfer_id => p_transfer.id
    );
end;
$$;

alter function peer_booking.move_credits(peer_booking.credit_transfers) owner to peer_booking_owner;
revoke all on function peer_booking.move_credits(peer_booking.credit_transfers)
from public, anon, authenticated, service_role;
