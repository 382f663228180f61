-- title:     A user may send credits to themselves
-- class:     self_transfer_mints
-- operation: credits_transfer
-- hurts:     everybody, with the next change that reads both balances first; until then the sender, who gets a raw error
-- caught-by: contract transfer_moves_both_legs
-- changes:   functions/credits_transfer.sql
--
-- Where both balances are read before either is written, the second write forgets the first, and each transfer to
-- oneself makes credits. Here a constraint stops it, as it stops every transfer from a user to the same one.

-- @instead of
    if p_from_user_id = p_to_user_id then
        raise exception 'Sender and receiver are the same: %', p_from_user_id;
    end if;
-- @write
