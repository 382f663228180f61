-- title:     A deduction looks whether it was made before it locks its license
-- class:     check_before_lock
-- operation: deduct_credits
-- hurts:     a client that sent its request again: what has paid for it is gone, so the repeat is refused; where more
--            is left it fails on the ledger's constraint
-- caught-by: race same_request_twice
-- changes:   functions/deduct_credits.sql
--
-- Only for a recorded generation does it look again under the lock, since only that, it seems, can be charged by
-- somebody else meanwhile. The same request can be, too.

-- @instead of
begin
-- @write
begin
    select entry.balance_after
    into v_balance
    from license_billing.credit_entries as entry
    inner join license_billing.licenses as license on entry.license_id = license.id
    where entry.request_id = p_request_id and entry.amount = -p_amount and license.license_key = p_license_key;
    if found then
        return v_balance;
    end if;


-- @instead of
    where entry.request_id = v_request.request_id;
-- @write
    inner join license_billing.unbilled_generations as generation on entry.request_id = generation.request_id
    where entry.request_id = v_request.request_id;
