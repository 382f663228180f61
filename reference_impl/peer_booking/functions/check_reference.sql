-- Refuse half a reference. Both parts NULL is none: the call is a new request.

create or replace function peer_booking.check_reference(p_reference_id uuid, p_reference_type text)
returns void
language plpgsql
immutable
set search_path = ''
as $$
begin
    if (p_reference_id is null) <> (p_reference_type is null) or btrim(p_reference_type) = '' then
        raise exception 'Reference is incomplete';
    end if;
end;
$$;

alter function peer_booking.check_reference(uuid, text) owner to peer_booking_owner;
revoke all on function peer_booking.check_reference(uuid, text)
from public, anon, authenticated, service_role;
