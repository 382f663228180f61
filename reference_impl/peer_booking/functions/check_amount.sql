-- Refuse an amount that isn't a positive number of credits.

create or replace function peer_booking.check_amount(p_amount integer)
returns void
language plpgsql
immutable
set search_path = ''
as $$
begin
    if p_amount is null or p_amount <= 0 then
        raise exception 'Invalid credit amount: %', p_amount;
    end if;
end;
$$;

alter function peer_booking.check_amount(integer) owner to peer_booking_owner;
revoke all on function peer_booking.check_amount(integer)
from public, anon, authenticated, service_role;
