-- What a session costs: one credit per minute. NULL for a duration that no session can have.
--
-- The one place that knows the rule. The source doesn't say what its own is.

create or replace function peer_booking.peer_credit_cost(p_duration_minutes integer)
returns integer
language sql
immutable
set search_path = ''
as $$
    select case when p_duration_minutes between 1 and 1440 then p_duration_minutes end;
$$;

alter function peer_booking.peer_credit_cost(integer) owner to peer_booking_owner;
revoke all on function peer_booking.peer_credit_cost(integer)
from public, anon, authenticated, service_role;
