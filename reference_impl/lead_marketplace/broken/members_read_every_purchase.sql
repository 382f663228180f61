-- title:     Every member reads every workspace's purchases
-- class:     policy_too_wide
-- operation: create_lead_purchase
-- hurts:     all workspaces: their competitors see what they buy, and at which price
-- caught-by: contract members_only_read_their_own

alter policy member_reads_own on lead_marketplace.marketplace_purchases using (true);
