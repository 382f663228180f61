-- title:     A top-up adds the credits and claims its request id afterwards
-- class:     effect_before_claim
-- operation: add_credits
-- hurts:     the vendor: an announcement that is repeated adds the credits again
-- caught-by: contract top_up_added_once, contract repeat_outlives_the_license, race same_top_up_twice,
--            audit balance_equals_entries
-- changes:   functions/add_credits.sql
--
-- The claim finds the id taken and does nothing, as it should. The balance has been changed by then.

-- @instead of
    v_request := license_billing.claim_request(p_request_id, v_license.id, 'top_up', p_amount);
-- @write
    if v_license.credits_remaining::bigint + p_amount > 2147483647 then
        raise exception 'BALANCE_TOO_LARGE: Balance would be %', v_license.credits_remaining::bigint + p_amount;
    end if;
    update license_billing.licenses as license
    set credits_remaining = license.credits_remaining + p_amount, credits_total = license.credits_total + p_amount
    where license.id = v_license.id;

    v_request := license_billing.claim_request(p_request_id, v_license.id, 'top_up', p_amount);

-- @instead of
        v_entry := license_billing.post_credit_entry(v_request, v_license.credits_remaining);
-- @write
        insert into license_billing.credit_entries as entry (
            license_id, request_id, kind, amount, balance_before, balance_after
        )
        values (
            v_license.id, v_request.request_id, 'top_up', p_amount,
            v_license.credits_remaining, v_license.credits_remaining + p_amount
        )
        returning entry.* into strict v_entry;
