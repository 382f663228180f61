-- title:           The first movement of an account looks whether the row is there and then inserts it
-- class:           first_touch_race
-- operation:       allocate_user_credits
-- hurts:           a new user: of the first two gifts one fails raw
-- caught-by:       race first_credits_at_once
-- unmask:          alter table peer_booking.credits drop constraint credits_of_user_once cascade
-- caught-unmasked: race first_credits_at_once
-- changes:         functions/lock_accounts.sql
--
-- The source had no unique constraint on the user. Adding it turned the second account into an error; only ON
-- CONFLICT turns the error into a wait.

-- @instead of
    insert into peer_booking.credits as account (user_id)
    select wanted.user_id
    from unnest(p_user_ids) as wanted (user_id)
    order by wanted.user_id
    on conflict (user_id) do update set updated_at = now();
-- @write
    insert into peer_booking.credits as account (user_id)
    select wanted.user_id
    from unnest(p_user_ids) as wanted (user_id)
    where wanted.user_id not in (select account.user_id from peer_booking.credits as account)
    order by wanted.user_id;

    perform 1
    from peer_booking.credits as account
    where account.user_id = any(p_user_ids)
    order by account.user_id
    for no key update;
