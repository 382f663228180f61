-- title:     Nothing stops a second purchase in one Stripe session
-- class:     unique_missing_on_key
-- operation: apply_credit_purchase
-- hurts:     the shop: a payment that is announced under two keys is credited twice
-- caught-by: lint key_without_unique, contract payment_credited_once,
--            race one_session_two_keys, audit payment_credited_once
--
-- The function is right. What it relies on is gone.

drop index credit_purchase.stripe_session_credited_once;
