-- title:     One event allocates credits twice at once, at repeatable read
-- property:  serial, replay
-- detects:   exception_swallowed, check_before_lock, raw_unique_violation
-- isolation: repeatable read
-- expect:    exactly 0 error
-- expect:    exactly 0 refused
--
-- At this isolation level a transaction sees the data as it was when it began, even after it has waited for a
-- lock. The event that the first call has just written is there and can't be seen. PostgreSQL notices when
-- both insert, and the second caller must hear "try again" (40001) and nothing else.

-- @values user_1 uuid, event text

-- @setup
insert into peer_booking.users (id) values (:user_1);

-- @session first_delivery
-- @call allocate_user_credits
select * from peer_booking.allocate_user_credits(:user_1, 25, 'referral', :event);

-- @session second_delivery
-- @call allocate_user_credits
select * from peer_booking.allocate_user_credits(:user_1, 25, 'referral', :event);
