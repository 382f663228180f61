-- title:     A list of leads may hold a null
-- class:     null_passes_check
-- operation: create_lead_purchase
-- hurts:     the client's author, who hears that a lead is gone (or twice in the list) where an id was forgotten
-- caught-by: contract lead_lists_checked
-- changes:   functions/check_lead_ids.sql

-- @instead of
    elsif exists (select 1 from unnest(p_lead_ids) as given (lead_id) where given.lead_id is null) then
        raise exception 'A lead id is null';
-- @write
