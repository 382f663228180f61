-- title:     A deduction that would have to wait says that the credits don't suffice
-- class:     lock_timeout_as_refusal
-- operation: deduct_credits
-- hurts:     a customer with credits who is told to buy more, because somebody of the tenant was generating too
-- caught-by: race two_deductions_one_balance, race top_up_against_deduction, lint retryable_as_refusal
-- changes:   functions/deduct_credits.sql
--
-- 55P03 means "busy, try again", and a client can do that. "Insufficient" sends it to the shop.

-- @instead of
    select license.*
    into v_license
    from license_billing.licenses as license
    where license.license_key = p_license_key
    for no key update;
-- @write
    begin
        select license.*
        into v_license
        from license_billing.licenses as license
        where license.license_key = p_license_key
        for no key update nowait;
    exception
        when lock_not_available then
            raise exception 'INSUFFICIENT_CREDITS: Current balance % is less than required %', 0, p_amount;
    end;
