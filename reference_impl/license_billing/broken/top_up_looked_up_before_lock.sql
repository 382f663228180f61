-- title:           A top-up looks whether it was made before it locks its license
-- class:           check_before_lock
-- operation:       add_credits
-- hurts:           whoever announces a payment twice: a raw unique violation; without the constraint, the credits
--                  twice
-- caught-by:       race same_top_up_twice
-- unmask:          alter table license_billing.credit_entries drop constraint entry_request_once
-- caught-unmasked: race same_top_up_twice, audit payment_credited_once
-- changes:         functions/add_credits.sql
--
-- The lock waits for the other announcement, and the claim finds its request. What was looked up before the wait says
-- that there is no entry.

-- @instead of
begin
-- @write
begin
    select entry.*
    into v_entry
    from license_billing.credit_entries as entry
    where entry.request_id = p_request_id;


-- @instead of
    select entry.*
    into v_entry
    from license_billing.credit_entries as entry
    where entry.request_id = v_request.request_id;
-- @write
