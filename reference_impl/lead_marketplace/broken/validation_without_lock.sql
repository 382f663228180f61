-- title:     Validation looks at the leads and does not lock them
-- class:     check_then_act
-- operation: validate_and_lock_leads_for_purchase
-- hurts:     a buyer whose application validates and pays in one transaction: the lead is sold to another in between
-- caught-by: race validated_in_one_transaction
-- changes:   functions/validate_and_lock_leads_for_purchase.sql
--
-- Called on its own nobody can tell, since the lock ends with the call. Within a transaction it is the promise that the
-- leads stay as they are until the commit.

-- @instead of
    order by lead.id
    for no key update nowait;
-- @write
    order by lead.id;
