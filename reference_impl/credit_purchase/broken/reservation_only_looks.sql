-- title:     A reservation locks the balance, looks whether there is enough, and leaves the taking to a later call
-- class:     lock_split_across_calls
-- operation: reserve_credits
-- hurts:     the shop: any number of jobs find the same credits and run on them
-- caught-by: contract credits_reserved_once, race two_reservations_one_balance, audit charge_has_entry
-- changes:   functions/reserve_credits.sql
--
-- Each call is a transaction of its own, so the lock is gone with the answer.

-- @instead of
            perform credit_purchase.post_credit_entry(v_operation);
            insert into credit_purchase.credit_reservations (reservation_key, user_id, amount)
-- @write
            perform 1
            from credit_purchase.user_profiles as profile
            where profile.id = p_user_id and profile.credit_balance >= p_amount
            for no key update;
            if not found then
                raise exception using errcode = 'CP001', message = 'insufficient_credits';
            end if;
            insert into credit_purchase.credit_reservations (reservation_key, user_id, amount)
