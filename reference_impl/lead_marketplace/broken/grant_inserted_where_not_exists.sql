-- title:           A gift is inserted where its key does not exist yet, in one statement
-- class:           insert_where_not_exists
-- operation:       add_workspace_credits
-- hurts:           the shop: a gift that was sent twice is given twice; with the index, the second call fails raw
-- caught-by:       race same_grant_key_twice
-- unmask:          alter table lead_marketplace.credit_grants drop constraint grant_request_key_once
-- caught-unmasked: race same_grant_key_twice,
--                  lint key_without_unique
-- changes:         functions/add_workspace_credits.sql
--
-- One statement looks safe. It sees only what has committed, so two of them that overlap both find no such key, however
-- short they are.

-- @instead of
    -- Inserting claims the key: a second call with it waits here until the first has committed or is gone.
    insert into lead_marketplace.credit_grants as granted (workspace_id, amount, reason, request_key)
    values (p_workspace_id, p_amount, p_reason, p_request_key)
    on conflict (request_key) do nothing
-- @write
    insert into lead_marketplace.credit_grants as granted (workspace_id, amount, reason, request_key)
    select p_workspace_id, p_amount, p_reason, p_request_key
    where not exists (
        select 1 from lead_marketplace.credit_grants as earlier where earlier.request_key = p_request_key
    )
