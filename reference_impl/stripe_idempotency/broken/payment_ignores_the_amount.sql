-- title:     A payment event that comes again with another amount is taken for a repeat
-- class:     key_reused_for_other_arguments
-- operation: apply_stripe_wallet_event
-- hurts:     the user or the shop: one of the two amounts is wrong, and nobody hears of it
-- caught-by: contract payment_event_credited_once
-- changes:   functions/apply_stripe_wallet_event.sql

-- @instead of
        if (v_event.event_type, v_event.user_id, v_event.amount)
            is distinct from (p_event_type, p_user_id, p_amount)
        then
-- @write
        if (v_event.event_type, v_event.user_id) is distinct from (p_event_type, p_user_id) then
