-- title:           The worker lists the generations before it locks their licenses
-- class:           status_acted_on_twice
-- operation:       settle_unbilled_generations
-- hurts:           the customer whose deduction arrived late: the worker charges the text again
-- caught-by:       race worker_against_late_deduction
-- unmask:          alter table license_billing.credit_entries drop constraint entry_request_once
-- caught-unmasked: race worker_against_late_deduction, audit usage_charged_once
-- changes:         functions/settle_unbilled_generation.sql, functions/settle_unbilled_generations.sql
--
-- The advisory lock keeps other workers and settlements out, and no deduction: what it charges in between is on the
-- list still.

-- @instead of
    select request.*
    into v_request
-- @write
    -- One settlement at a time.
    perform pg_advisory_xact_lock(hashtext('license_billing.settle'));
    select request.*
    into v_request

-- @instead of
    v_license_id uuid;
-- @write


-- @instead of
    -- In the order of the ids, so that two workers can't deadlock.
    for v_license_id in
        select distinct request.license_id
        from license_billing.unbilled_generations as generation
        inner join license_billing.credit_requests as request on generation.request_id = request.request_id
        where generation.settled_at is null
        order by request.license_id
    loop
-- @write
    -- One settlement at a time.
    perform pg_advisory_xact_lock(hashtext('license_billing.settle'));

    for v_request in
        select request.*
        from license_billing.unbilled_generations as generation
        inner join license_billing.credit_requests as request on generation.request_id = request.request_id
        where generation.settled_at is null
        order by request.license_id, generation.recorded_no
    loop

-- @instead of
        where license.id = v_license_id
-- @write
        where license.id = v_request.license_id

-- @instead of
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
-- @write
        continue when v_balance < -v_request.amount;
        perform license_billing.charge_request(v_request, v_balance);
        generations_settled := generations_settled + 1;
        exit when generations_settled = p_limit;
