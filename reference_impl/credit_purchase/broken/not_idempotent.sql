-- title:           A repeated purchase isn't recognised
-- class:           not_idempotent
-- operation:       apply_credit_purchase
-- hurts:           the shop: every repeated webhook is credited again, or ends in a raw error
-- caught-by:       contract payment_credited_once, contract key_names_one_operation, race purchase_delivered_twice,
--                  race one_session_two_keys, race one_key_two_payments, race one_key_two_kinds
-- unmask:          drop index credit_purchase.stripe_session_credited_once
-- caught-unmasked: contract payment_credited_once, race one_session_two_keys, lint key_without_unique,
--                  audit payment_credited_once
-- changes:         functions/apply_credit_purchase.sql

-- @instead of
        on conflict do nothing
-- @write
