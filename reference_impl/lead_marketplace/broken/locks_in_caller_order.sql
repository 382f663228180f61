-- title:     The leads are locked one by one, in the order in which the caller lists them
-- class:     locks_in_caller_order
-- operation: mark_leads_sold_bulk
-- hurts:     whoever imports: of two lists that share leads, one fails with a deadlock
-- caught-by: race two_bulk_markings
-- changes:   functions/lock_leads.sql
--
-- The function that everybody locks leads through is only as good as its order. Completions pass the ids sorted;
-- mark_leads_sold_bulk passes them as they came.

-- @instead of
begin
    return (
        select count(*) filter (where locked.for_sale)
        from (
            select lead.for_sale
            from lead_marketplace.leads as lead
            where lead.id = any(p_lead_ids)
            order by lead.id
            for no key update
        ) as locked
    );
-- @write
declare
    v_lead_id uuid;
    v_for_sale boolean;
    v_available integer := 0;
begin
    foreach v_lead_id in array p_lead_ids loop
        select lead.for_sale
        into v_for_sale
        from lead_marketplace.leads as lead
        where lead.id = v_lead_id
        for no key update;
        if v_for_sale then
            v_available := v_available + 1;
        end if;
    end loop;
    return v_available;
