-- title:     A record looks whether it was made before, and then inserts
-- class:     first_touch_race
-- operation: record_unbilled_generation
-- hurts:     the service: a record that it repeats fails with a raw unique violation, and it doesn't know what is
--            kept
-- caught-by: race same_generation_recorded_twice
-- changes:   functions/record_unbilled_generation.sql

-- @instead of
    -- A deduction or a record of this request that is under way is waited for here, so that what is read below
-- @write
    already_recorded := exists (
        select 1 from license_billing.unbilled_generations as generation where generation.request_id = p_request_id
    );

    -- A deduction or a record of this request that is under way is waited for here, so that what is read below

-- @instead of
    insert into license_billing.unbilled_generations (request_id, generation, settled_at, entry_no)
    values (p_request_id, p_generation, case when v_entry_no is not null then now() end, v_entry_no)
    on conflict (request_id) do nothing;
-- @write
    if not already_recorded then
        insert into license_billing.unbilled_generations (request_id, generation, settled_at, entry_no)
        values (p_request_id, p_generation, case when v_entry_no is not null then now() end, v_entry_no);
    end if;

-- @instead of
    already_recorded := not found;
-- @write
