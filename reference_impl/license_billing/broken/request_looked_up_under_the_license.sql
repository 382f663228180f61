-- title:     A request id is looked up under the lock of its license
-- class:     check_before_lock
-- operation: deduct_credits
-- hurts:     a client that uses an id twice: a raw unique violation instead of a refusal
-- caught-by: race one_request_id_two_licenses
-- changes:   functions/claim_request.sql
--
-- That is right for two calls on one license. The id may be in use for another one, and that lock keeps it out of
-- sight.

-- @instead of
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
-- @write
    perform
    from license_billing.licenses as license
    where license.id = p_license_id
    for no key update;

    select request.*
    into v_request
    from license_billing.credit_requests as request
    where request.request_id = p_request_id;

    if not found then
        insert into license_billing.credit_requests as request (request_id, license_id, kind, amount)
        values (coalesce(p_request_id, gen_random_uuid()), p_license_id, p_kind, p_amount)
        returning request.* into v_request;
    elsif (v_request.license_id, v_request.kind, v_request.amount) <> (p_license_id, p_kind, p_amount) then
        raise exception 'REQUEST_CONFLICT: Request id was used with other arguments: %', p_request_id;
    end if;
