-- title:     No constraint keeps a balance from going below zero
-- class:     balance_unchecked
-- operation: process_peer_booking_credits
-- hurts:     the platform, with the next mistake in any function that takes credits
-- caught-by: lint balance_unchecked

alter table peer_booking.credits drop constraint balance_not_negative;
