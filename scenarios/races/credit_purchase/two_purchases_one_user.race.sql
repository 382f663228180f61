-- title:    A user buys credits twice at once
-- property: serial, deadlock, ledger
-- detects:  read_modify_write, stale_balance_in_entry
-- expect:   exactly 2 ok in apply_credit_purchase
--
-- Two payments of one user are credited in the same moment. If both calls start from the balance of before,
-- one payment is lost; if each holds a weak lock that the other has to see gone, neither gets through. Both
-- must arrive, one after the other.

-- @values buyer uuid, key_1 uuid, key_2 uuid, session_1 text, session_2 text

-- @setup
insert into credit_purchase.user_profiles (id) values (:buyer);

-- @session first_payment
-- @call apply_credit_purchase
select * from credit_purchase.apply_credit_purchase(:buyer, 100, :key_1, :session_1);

-- @session second_payment
-- @call apply_credit_purchase
select * from credit_purchase.apply_credit_purchase(:buyer, 30, :key_2, :session_2);
