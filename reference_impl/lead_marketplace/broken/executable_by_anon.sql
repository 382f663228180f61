-- title:     Visitors may give credits, once the schema is opened to them
-- class:     executable_by_anyone
-- operation: add_workspace_credits
-- hurts:     the marketplace, on the day on which somebody lets visitors read a price list in this schema
-- caught-by: lint executable_by_anyone
--
-- Today the closed schema stops them, so no call shows it.

grant execute on function lead_marketplace.add_workspace_credits(uuid, numeric, text, uuid) to anon;
