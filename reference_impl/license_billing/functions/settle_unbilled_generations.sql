-- Charge unbilled generations that their licenses can pay, at most p_limit of them, and return how many were
-- charged. For a worker: run it until it returns zero.
--
-- License by license, the oldest generation first. One that its license can't pay is left alone and doesn't
-- count, so it never stands in the way of others.

create or replace function license_billing.settle_unbilled_generations(p_limit integer default 100)
returns table (generations_settled integer)
language plpgsql
security definer
set search_path = ''
as $$
declare
    v_license_id uuid;
    v_request license_billing.credit_requests;
    v_balance integer;
begin
    if p_limit is null or p_limit <= 0 then
        raise exception 'INVALID_LIMIT: Limit must be above zero: %', p_limit;
    end if;
    generations_settled := 0;

    -- In the order of the ids, so that two workers can't deadlock.
    for v_license_id in
        select distinct request.license_id
        from license_billing.unbilled_generations as generation
        inner join license_billing.credit_requests as request on generation.request_id = request.request_id
        where generation.settled_at is null
        order by request.license_id
    loop
        select license.credits_remaining
        into strict v_balance
        from license_billing.licenses as license
        where license.id = v_license_id
        for no key update;

        -- Read under the lock: what somebody else has settled meanwhile isn't among them.
        for v_request in
            select request.*
            from license_billing.unbilled_generations as generation
            inner join license_billing.credit_requests as request on generation.request_id = request.request_id
            where request.license_id = v_license_id and generation.settled_at is null
            order by generation.recorded_no
        loop
            exit when generations_settled = p_limit;
            continue when v_balance < -v_request.amount;
            v_balance := license_billing.charge_request(v_request, v_balance);
            generations_settled := generations_settled + 1;
        end loop;
        exit when generations_settled = p_limit;
    end loop;
    return next;
end;
$$;

alter function license_billing.settle_unbilled_generations(integer) owner to license_billing_owner;
revoke all on function license_billing.settle_unbilled_generations(integer)
from public, anon, authenticated, service_role;
grant execute on function license_billing.settle_unbilled_generations(integer) to service_role;
