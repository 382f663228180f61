-- title:     A purchase looks its session up, and expects none to come in between
-- class:     insert_where_not_exists
-- operation: apply_credit_purchase
-- hurts:     the second of two callers, who gets a raw error; without the index, the shop credits a payment twice
-- caught-by: race one_session_two_keys
-- unmask:    drop index credit_purchase.stripe_session_credited_once
-- caught-unmasked: race one_session_two_keys, lint key_without_unique, audit payment_credited_once
-- changes:   functions/apply_credit_purchase.sql
--
-- One statement looks safe. It sees only what has committed, so of two that overlap both find no such session.

-- @instead of
        where profile.id = p_user_id
        on conflict do nothing
-- @write
        where profile.id = p_user_id and not exists (
            select 1
            from credit_purchase.credit_operations as earlier
            where earlier.stripe_session_id = p_stripe_session_id
        )
        on conflict (idempotency_key) do nothing
