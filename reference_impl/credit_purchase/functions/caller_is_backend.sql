-- Whether the caller is the backend's role: a second line behind the grants, for the day on which somebody
-- grants too much.
--
-- Inside a SECURITY DEFINER function current_user is the owner. The caller is the role that was set, or else
-- the one that has logged in.

create or replace function credit_purchase.caller_is_backend()
returns boolean
language sql
stable
set search_path = ''
as $$
    select coalesce(nullif(current_setting('role'), 'none'), session_user) = 'service_role';
$$;

alter function credit_purchase.caller_is_backend() owner to credit_purchase_owner;
revoke all on function credit_purchase.caller_is_backend() from public, anon, authenticated, service_role;
