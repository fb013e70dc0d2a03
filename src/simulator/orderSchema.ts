import {
  GraphQLBoolean,
  GraphQLEnumType,
  GraphQLID,
  GraphQLInputObjectType,
  GraphQLInt,
  GraphQLList,
  GraphQLNonNull,
  GraphQLObjectType,
  GraphQLScalarType,
  GraphQLSchema,
  GraphQLString,
  type GraphQLFieldConfig,
  type GraphQLInputFieldConfig,
  type GraphQLInputType,
} from 'graphql';
import { COLUMNS, OPERATORS, type ColumnKind } from './orderFilter.ts';
import { DEPLOYMENT, queryOrders, resolveBlock, type BlockArgument, type OrderQuery } from './orderQuery.ts';
import type { Upstream, UpstreamEvent } from './upstream.ts';

/** Serialises to nothing: the field is not in the answer at all. */
const ABSENT = { toJSON: () => undefined };

const BigIntType = new GraphQLScalarType({
  name: 'BigInt',
  parseValue: (value) => {
    const text = typeof value === 'number' || typeof value === 'string' ? String(value) : '';
    if (!/^-?\d+$/.test(text))
      throw new Error(`Failed to decode \`BigInt\` value: \`${JSON.stringify(value)}\``);
    return text;
  },
});
const BytesType = new GraphQLScalarType({ name: 'Bytes' });
/** Every column's output type: what is in the row goes out unchanged, right or wrong. */
const AsStored = new GraphQLScalarType({ name: 'AsStored', serialize: (value) => value });

const INPUT_TYPES: Readonly<Record<ColumnKind, GraphQLInputType>> = {
  ID: GraphQLID,
  String: GraphQLString,
  Bytes: BytesType,
  BigInt: BigIntType,
};

const BlockHeight = new GraphQLInputObjectType({
  name: 'Block_height',
  fields: { hash: { type: BytesType }, number: { type: GraphQLInt }, number_gte: { type: GraphQLInt } },
});

const OrderFilledEventFilter: GraphQLInputObjectType = new GraphQLInputObjectType({
  name: 'OrderFilledEvent_filter',
  fields: () => {
    const fields: Record<string, GraphQLInputFieldConfig> = {};
    for (const [column, kind] of Object.entries(COLUMNS)) {
      const type = INPUT_TYPES[kind];
      fields[column] = { type };
      for (const operator of OPERATORS) {
        const many = operator === 'in' || operator === 'not_in';
        fields[`${column}_${operator}`] = { type: many ? new GraphQLList(new GraphQLNonNull(type)) : type };
      }
    }
    fields['and'] = { type: new GraphQLList(OrderFilledEventFilter) };
    fields['or'] = { type: new GraphQLList(OrderFilledEventFilter) };
    return fields;
  },
});

const OrderFilledEvent = new GraphQLObjectType<UpstreamEvent>({
  name: 'OrderFilledEvent',
  fields: Object.fromEntries(
    Object.keys(COLUMNS).map((column): [string, GraphQLFieldConfig<UpstreamEvent, unknown>] => [
      column,
      { type: AsStored, resolve: ({ row }) => (column in row ? row[column] : ABSENT) },
    ]),
  ),
});

const MetaBlock = new GraphQLObjectType({
  name: '_Block_',
  fields: {
    number: { type: new GraphQLNonNull(GraphQLInt) },
    hash: { type: BytesType },
    parentHash: { type: BytesType },
    timestamp: { type: GraphQLInt },
  },
});

const Meta = new GraphQLObjectType({
  name: '_Meta_',
  fields: {
    block: { type: new GraphQLNonNull(MetaBlock) },
    deployment: { type: new GraphQLNonNull(GraphQLString) },
    hasIndexingErrors: { type: new GraphQLNonNull(GraphQLBoolean) },
  },
});

const OrderDirection = new GraphQLEnumType({ name: 'OrderDirection', values: { asc: {}, desc: {} } });
const OrderBy = new GraphQLEnumType({
  name: 'OrderFilledEvent_orderBy',
  values: Object.fromEntries(Object.keys(COLUMNS).map((column) => [column, {}])),
});

/** The part of the orderbook subgraph's schema that is stood in for. The upstream is the root value. */
export const ORDER_SCHEMA = new GraphQLSchema({
  query: new GraphQLObjectType<Upstream>({
    name: 'Query',
    fields: {
      orderFilledEvents: {
        type: new GraphQLNonNull(new GraphQLList(new GraphQLNonNull(OrderFilledEvent))),
        args: {
          skip: { type: GraphQLInt },
          first: { type: GraphQLInt },
          orderBy: { type: OrderBy },
          orderDirection: { type: OrderDirection },
          where: { type: OrderFilledEventFilter },
          block: { type: BlockHeight },
        },
        resolve: (upstream, args: OrderQuery) => queryOrders(upstream, args),
      },
      _meta: {
        type: Meta,
        args: { block: { type: BlockHeight } },
        resolve: (upstream, args: { readonly block?: BlockArgument }) => ({
          block: resolveBlock(upstream, args.block),
          deployment: DEPLOYMENT,
          hasIndexingErrors: false,
        }),
      },
    },
  }),
});
