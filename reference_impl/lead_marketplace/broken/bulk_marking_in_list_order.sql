-- title:     Bulk marking marks the leads one by one, in the order of the list
-- class:     locks_in_caller_order
-- operation: mark_leads_sold_bulk
-- hurts:     whoever imports: of two lists that share leads, one fails with a deadlock
-- caught-by: race two_bulk_markings
-- changes:   functions/mark_leads_sold_bulk.sql
--
-- Each UPDATE holds its row until the end. Two lists with the same leads in opposite orders each hold what the other
-- needs next.

-- @instead of
    v_known integer;
-- @write
    v_known integer;
    v_lead_id uuid;

-- @instead of
    -- An UPDATE alone locks rows in whatever order it meets them, and could deadlock with a completion.
    perform lead_marketplace.lock_leads(p_lead_ids);

    update lead_marketplace.leads as lead
    set marketplace_status = 'sold', sold_count = lead.sold_count + 1, sold_at = now()
    where lead.id = any(p_lead_ids) and lead.marketplace_status = 'available';
    get diagnostics leads_marked = row_count;
-- @write
    leads_marked := 0;
    foreach v_lead_id in array p_lead_ids loop
        update lead_marketplace.leads as lead
        set marketplace_status = 'sold', sold_count = lead.sold_count + 1, sold_at = now()
        where lead.id = v_lead_id and lead.marketplace_status = 'available';
        if found then
            leads_marked := leads_marked + 1;
        end if;
    end loop;
