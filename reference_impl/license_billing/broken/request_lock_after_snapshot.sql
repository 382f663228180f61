-- title:     A top-up claims its request first, and requests queue up on an advisory lock
-- class:     check_before_lock
-- operation: add_credits
-- hurts:     a client at a higher isolation level: a raw error instead of one that says to try again
-- caught-by: race same_top_up_repeatable_read
-- changes:   functions/add_credits.sql, functions/claim_request.sql
--
-- This is right at read committed, where each statement sees what has committed before it. At repeatable read the
-- transaction sees what had committed before it began, and that was before the lock: the look comes first after all.

-- @instead of
    where license.license_key = p_license_key
    for no key update;
-- @write
    where license.license_key = p_license_key;

-- @instead of
    select entry.*
-- @write
    select license.*
    into strict v_license
    from license_billing.licenses as license
    where license.id = v_license.id
    for no key update;

    select entry.*

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
    -- One at a time per id, so looking before inserting is safe.
    perform pg_advisory_xact_lock(hashtextextended(p_request_id::text, 0));
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
