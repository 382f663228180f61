-- title:     A repeated booking answers with the balances of today
-- class:     replay_answers_anew
-- operation: process_peer_booking_credits
-- hurts:     a client whose first answer got lost, and who is told of balances that the booking didn't make
-- caught-by: contract booking_charges_once
-- changes:   functions/process_peer_booking_credits.sql

-- @instead of
                'client_balance_after', legs.payer_balance_after,
-- @write
                'client_balance_after', (
                    select account.balance from peer_booking.credits as account where account.user_id = p_client_id
                ),
