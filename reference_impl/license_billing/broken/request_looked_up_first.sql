-- title:           A request id is looked up and then inserted, and the rest is left to the index
-- class:           raw_unique_violation
-- operation:       deduct_credits
-- hurts:           a client that sent its request again: a raw unique violation instead of its answer; without the
--                  indexes, a second charge
-- caught-by:       race same_request_twice, race same_top_up_twice, race same_generation_recorded_twice,
--                  race one_request_id_two_licenses, race recorded_while_deducted, race same_top_up_repeatable_read
-- unmask:          alter table license_billing.credit_requests drop constraint credit_requests_pkey cascade
-- unmask:          alter table license_billing.credit_requests drop constraint request_terms cascade
-- unmask:          alter table license_billing.credit_entries drop constraint entry_request_once
-- caught-unmasked: race same_request_twice, race same_top_up_twice, race one_request_id_two_licenses,
--                  audit entry_credits_one_payment, audit entry_bills_one_usage
-- changes:         functions/claim_request.sql
--
-- Looking first sees nothing of a request that has not committed yet.

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
