-- title:     A sale marks its leads and forgets the lines of the purchase
-- class:     partial_write
-- operation: complete_credit_lead_purchase
-- hurts:     the buyer, whose paid purchase holds nothing
-- caught-by: contract credit_completion_charges_once, contract card_completion_sells_once,
--            contract refund_returns_credits_once, audit completed_purchase_sold_its_items

create or replace function lead_marketplace.sell_leads(p_purchase_id uuid, p_lead_ids uuid[])
returns void
language plpgsql
set search_path = ''
as $$
declare
    v_leads integer;
begin
    update lead_marketplace.leads as lead
    set marketplace_status = 'sold', sold_count = lead.sold_count + 1, sold_at = now()
    where lead.id = any(p_lead_ids);
    get diagnostics v_leads = row_count;

    if v_leads <> cardinality(p_lead_ids) then
        raise exception 'Purchase % sold % leads of %', p_purchase_id, v_leads, cardinality(p_lead_ids)
            using errcode = 'internal_error';
    end if;
end;
$$;
