-- title:    A lead purchase with a request key is written down once, at the prices of that moment
-- property: replay, state
-- detects:  not_idempotent, key_reused_for_other_arguments, raw_unique_violation
--
-- The buyer's second click, or a retry after a lost answer, must not make a second purchase. The key
-- stands for who buys what and how; the order of the leads means nothing. It holds even when a lead
-- was sold or got another price since: the purchase is what was agreed to then.

-- @values workspace uuid, other uuid, unknown uuid, lead_a uuid, lead_b uuid, lead_c uuid, key uuid, spare_key uuid
-- @setup
insert into lead_marketplace.workspaces (id) values (:workspace), (:other);
insert into lead_marketplace.leads (id, marketplace_status, is_marketplace_listed, marketplace_price)
values (:lead_a, 'available', true, 40), (:lead_b, 'available', true, 2.50), (:lead_c, 'available', true, 7);

-- @call create_lead_purchase
-- @expect refused P0001 Unknown payment method: <NULL>
select * from lead_marketplace.create_lead_purchase(array[:lead_a], :unknown, null, :key);
-- @call create_lead_purchase
-- @expect refused P0001 Unknown payment method: cash
select * from lead_marketplace.create_lead_purchase(array[:lead_a], :unknown, 'cash', :key);
-- @call create_lead_purchase
-- @expect refused P0001 Workspace not found: *-*
select * from lead_marketplace.create_lead_purchase(array[:unknown], :unknown, 'credits', :key);
-- @call create_lead_purchase
-- @expect refused P0001 Workspace not found: <NULL>
select * from lead_marketplace.create_lead_purchase(array[:unknown], null, 'credits', :key);
-- @call create_lead_purchase
-- @expect refused P0001 Some leads are no longer available for purchase. Requested: 2, Available: 1
select * from lead_marketplace.create_lead_purchase(array[:lead_a, :unknown], :workspace, 'credits', :key);

-- @call create_lead_purchase
-- @expect ok create_lead_purchase=*-*
select * from lead_marketplace.create_lead_purchase(array[:lead_a, :lead_b], :workspace, 'credits', :key);

-- @check The purchase is pending for a day, and has its leads at their prices
select
    purchase.status = 'pending' and purchase.payment_method = 'credits',
    purchase.buyer_workspace_id = :workspace,
    purchase.expires_at between now() + interval '23 hours' and now() + interval '24 hours',
    (
        select count(*) = 2 and sum(item.price) = 42.50 and not bool_or(item.sold)
        from lead_marketplace.marketplace_purchase_items as item
        where item.purchase_id = purchase.id
    )
from lead_marketplace.marketplace_purchases as purchase
where purchase.request_key = :key;

-- @setup
update lead_marketplace.leads set marketplace_price = 50 where id = :lead_a;
update lead_marketplace.leads set is_marketplace_listed = false where id = :lead_b;

-- @expect ok same=true
select
    lead_marketplace.create_lead_purchase(array[:lead_b, :lead_a], :workspace, 'credits', :key) = (
        select purchase.id from lead_marketplace.marketplace_purchases as purchase where purchase.request_key = :key
    ) as same;

-- @call create_lead_purchase
-- @expect refused P0001 Request key was used with other arguments: *-*
select * from lead_marketplace.create_lead_purchase(array[:lead_a], :workspace, 'credits', :key);
-- @call create_lead_purchase
-- @expect refused P0001 Request key was used with other arguments: *-*
select * from lead_marketplace.create_lead_purchase(array[:lead_a, :lead_c], :workspace, 'credits', :key);
-- @call create_lead_purchase
-- @expect refused P0001 Request key was used with other arguments: *-*
select * from lead_marketplace.create_lead_purchase(array[:lead_a, :lead_b, :lead_c], :workspace, 'credits', :key);
-- @call create_lead_purchase
-- @expect refused P0001 Request key was used with other arguments: *-*
select * from lead_marketplace.create_lead_purchase(array[:lead_a, :lead_b], :other, 'credits', :key);
-- @call create_lead_purchase
-- @expect refused P0001 Request key was used with other arguments: *-*
select * from lead_marketplace.create_lead_purchase(array[:lead_a, :lead_b], :workspace, 'card', :key);

-- @check The prices are still those that the buyer agreed to
select
    count(*) = 2,
    sum(item.price) = 42.50
from lead_marketplace.marketplace_purchase_items as item
inner join lead_marketplace.marketplace_purchases as purchase on item.purchase_id = purchase.id
where purchase.request_key = :key;

-- @setup
update lead_marketplace.leads set is_marketplace_listed = true where id = :lead_b;

-- @call add_workspace_credits
-- @expect ok
select * from lead_marketplace.add_workspace_credits(:workspace, 100, 'opening balance');
-- @expect ok success=true, new_credit_balance=57.50
select
    completed.success,
    completed.new_credit_balance
from
    lead_marketplace.complete_credit_lead_purchase(
        (select purchase.id from lead_marketplace.marketplace_purchases as purchase where purchase.request_key = :key),
        :workspace,
        42.50
    ) as completed;

-- The key outlives the purchase: it was used, and says for what.
-- @expect ok same=true
select
    lead_marketplace.create_lead_purchase(array[:lead_a, :lead_b], :workspace, 'credits', :key) = (
        select purchase.id from lead_marketplace.marketplace_purchases as purchase where purchase.request_key = :key
    ) as same;

-- A purchase claims nothing: the same buyer and another one may write the same lead down again.
-- @expect ok differ=true
select
    lead_marketplace.create_lead_purchase(array[:lead_c], :workspace, 'credits', null)
    <> lead_marketplace.create_lead_purchase(array[:lead_c], :workspace, 'credits') as differ;
-- @call create_lead_purchase
-- @expect ok create_lead_purchase=*-*
select * from lead_marketplace.create_lead_purchase(array[:lead_c], :other, 'card', :spare_key);

-- @check The lead is still on offer
select lead.for_sale and lead.sold_count = 0 from lead_marketplace.leads as lead where lead.id = :lead_c;
