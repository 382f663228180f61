-- Return the row of a request: a new one, or the one that the same request wrote before. NULL is no id: a
-- new request. A refusal of the caller takes the claim with it.

create or replace function license_billing.claim_request(
    p_request_id uuid,
    p_license_id uuid,
    p_kind text,
    p_amount integer
)
returns license_billing.credit_requests
language plpgsql
set search_path = ''
as $$
declare
    v_request license_billing.credit_requests;
begin
    -- No conflict target: the id begins two unique indexes, and of two calls that meet between them one would fail
    -- raw at the index that isn't named.
    -- Inserting claims the id: a second call with it waits here until the first has committed or is gone.
    insert into license_billing.credit_requests as request (request_id, license_id, kind, amount)
    values (coalesce(p_request_id, gen_random_uuid()), p_license_id, p_kind, p_amount)
    on conflict do nothing
    returning request.* into v_request;

    if not found then
        select request.*
        into strict v_request
        from license_billing.credit_requests as request
        where request.request_id = p_request_id;

        if (v_request.license_id, v_request.kind, v_request.amount) <> (p_license_id, p_kind, p_amount) then
            raise exception 'REQUEST_CONFLICT: Request id was used with other arguments: %', p_request_id;
        end if;
    end if;
    return v_request;
end;
$$;

alter function license_billing.claim_request(uuid, uuid, text, integer) owner to license_billing_owner;
revoke all on function license_billing.claim_request(uuid, uuid, text, integer)
from public, anon, authenticated, service_role;
