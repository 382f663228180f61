-- Refuse ids that no user has, NULL among them. Names the first one, in the given order.

create or replace function peer_booking.check_users(p_user_ids uuid[])
returns void
language plpgsql
stable
set search_path = ''
as $$
declare
    v_user_id uuid;
begin
    foreach v_user_id in array p_user_ids loop
        if not exists (select 1 from peer_booking.users as known where known.id = v_user_id) then
            raise exception 'User not found: %', v_user_id;
        end if;
    end loop;
end;
$$;

alter function peer_booking.check_users(uuid[]) owner to peer_booking_owner;
revoke all on function peer_booking.check_users(uuid[])
from public, anon, authenticated, service_role;
