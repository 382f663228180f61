-- Lock the accounts of the given users until the transaction ends. An account that isn't there is created.
--
-- Everything that moves credit comes through here first, with all of its accounts at once. They are taken
-- in the order of the ids, by one statement that either creates a row or locks it: two calls that share
-- accounts queue up at the first of them and can't deadlock, whoever pays whom. Creating first and locking
-- afterwards would leave a moment in between; looking first and creating if nothing is there, a longer one.

create or replace function peer_booking.lock_accounts(p_user_ids uuid[])
returns void
language plpgsql
set search_path = ''
as $$
begin
    insert into peer_booking.credits as account (user_id)
    select wanted.user_id
    from unnest(p_user_ids) as wanted (user_id)
    order by wanted.user_id
    on conflict (user_id) do update set updated_at = now();
end;
$$;

alter function peer_booking.lock_accounts(uuid[]) owner to peer_booking_owner;
revoke all on function peer_booking.lock_accounts(uuid[])
from public, anon, authenticated, service_role;
