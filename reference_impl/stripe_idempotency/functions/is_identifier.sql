-- Whether a text is a name that is safe in an HTTP header, a log and a key: printable ASCII without spaces, and not
-- longer than the longest of its kind. Stripe takes keys of at most 255 characters.
--
-- NULL gives NULL: test with "is not true".

create or replace function stripe_idempotency.is_identifier(p_text text, p_longest integer default 255)
returns boolean
language sql
immutable
set search_path = ''
as $$
    select p_text ~ '^[!-~]+$' and length(p_text) <= p_longest;
$$;

alter function stripe_idempotency.is_identifier(text, integer) owner to stripe_idempotency_owner;
revoke all on function stripe_idempotency.is_identifier(text, integer)
from public, anon, authenticated, service_role;
