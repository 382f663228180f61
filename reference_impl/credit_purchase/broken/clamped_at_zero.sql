-- title:           Who has too few credits reserves what is there
-- class:           clamped_at_zero
-- operation:       reserve_credits
-- hurts:           the shop: with one credit left every job costs one credit
-- caught-by:       contract credits_reserved_once, race two_reservations_one_balance
-- unmask:          alter table credit_purchase.credit_entries drop constraint entry_of_operation
-- unmask:          alter table credit_purchase.credit_entries drop constraint entry_direction
-- caught-unmasked: contract credits_reserved_once, audit charge_has_entry
-- changes:         functions/post_credit_entry.sql
--
-- greatest(0, ...) keeps the balance from going below zero and hides that the rest was never there.

-- @instead of
    update credit_purchase.user_profiles as profile
    set credit_balance = profile.credit_balance + v_amount, updated_at = now()
    where profile.id = p_operation.user_id
        and profile.credit_balance + v_amount between 0 and 2147483647
    returning profile.credit_balance into v_after;
-- @write
    update credit_purchase.user_profiles as profile
    set credit_balance = greatest(0, profile.credit_balance + v_amount), updated_at = now()
    where profile.id = p_operation.user_id
        and profile.credit_balance + v_amount <= 2147483647
    returning new.credit_balance, new.credit_balance - old.credit_balance into v_after, v_amount;
