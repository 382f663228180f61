-- title:           A sale leaves its leads on offer
-- class:           partial_write
-- operation:       complete_stripe_lead_purchase
-- hurts:           the next buyer, who is offered a lead that is somebody else's
-- caught-by:       contract credit_completion_charges_once, contract card_completion_sells_once,
--                  contract lead_sold_to_one_buyer, audit sale_marks_its_item
-- unmask:          drop index lead_marketplace.lead_sold_by_one_purchase
-- caught-unmasked: contract credit_completion_charges_once, contract card_completion_sells_once,
--                  contract lead_sold_to_one_buyer, audit sale_marks_its_item, audit item_sold_by_one_purchase

create or replace function lead_marketplace.sell_leads(p_purchase_id uuid, p_lead_ids uuid[])
returns void
language plpgsql
set search_path = ''
as $$
declare
    v_items integer;
begin
    update lead_marketplace.marketplace_purchase_items as item
    set sold = true
    where item.purchase_id = p_purchase_id;
    get diagnostics v_items = row_count;

    if v_items <> cardinality(p_lead_ids) then
        raise exception 'Purchase % sold % items of %', p_purchase_id, v_items, cardinality(p_lead_ids)
            using errcode = 'internal_error';
    end if;
end;
$$;
