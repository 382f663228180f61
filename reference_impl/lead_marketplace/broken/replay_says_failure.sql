-- title:     The second delivery of a card payment hears that it failed
-- class:     not_idempotent
-- operation: complete_stripe_lead_purchase
-- hurts:     the buyer: a webhook that believes it sends the money back or withholds the download
-- caught-by: contract card_completion_sells_once, race duplicate_webhook,
--            race expiry_against_completion
-- changes:   functions/complete_stripe_lead_purchase.sql

-- @instead of
        return query select true, true, v_lead_ids;
-- @write
        return query select false, true, array[]::uuid[];
