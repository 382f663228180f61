-- title:           A request id is looked up and then inserted, and the rest is left to the index
-- class:           raw_unique_violation
-- operation:       deduct_credits
-- hurts:           a service that records a generation again: a raw unique violation instead of an answer; without the
--                  indexes, two licenses are charged under one id
-- caught-by:       race same_generation_recorded_twice, race one_request_id_two_licenses, race recorded_while_deducted
-- unmask:          alter table license_billing.credit_requests drop constraint credit_requests_pkey cascade
-- unmask:          alter table license_billing.credit_requests drop constraint request_terms cascade
-- unmask:          alter table license_billing.credit_entries drop constraint entry_request_once
-- caught-unmasked: race one_request_id_two_licenses, race recorded_while_deducted
-- changes:         functions/claim_request.sql
--
-- Looking first sees nothing of a request that has not committed yet. The lock of a license, which comes before, hides
-- that from two deductions of one license, but not from a record, nor from another license.

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
