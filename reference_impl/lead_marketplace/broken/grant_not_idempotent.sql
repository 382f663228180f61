-- title:           A repeated grant isn't recognised
-- class:           not_idempotent
-- operation:       add_workspace_credits
-- hurts:           the client, who gets a raw unique violation, and the marketplace, which gives twice where none
--                  stands behind
-- caught-by:       contract grant_given_once, race same_grant_key_twice
-- unmask:          alter table lead_marketplace.credit_grants drop constraint grant_request_key_once
-- caught-unmasked: contract grant_given_once, lint key_without_unique
-- changes:         functions/add_workspace_credits.sql

-- @instead of
    on conflict (request_key) do nothing
-- @write
