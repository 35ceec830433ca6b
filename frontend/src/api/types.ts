/** Names for the shapes of the API: the page speaks of `Order`, the generated schema of components. */
import type { components } from "./schema";

type Schemas = components["schemas"];

export type Account = Schemas["Account"];
export type AccountSnapshot = Schemas["AccountSnapshot"];
export type Balances = Schemas["Balances"];
export type Book = Schemas["Book"];
export type CancelIntent = Schemas["CancelIntent"];
export type CandleList = Schemas["CandleList"];
export type Candle = CandleList["candles"][number];
export type CandleGap = Schemas["CandleGap"];
export type Category = Schemas["Instrument"]["category"];
export type ClaimBody = Schemas["ClaimBody"];
export type Connection = Schemas["Connection"];
export type CoinBalance = Schemas["CoinBalance"];
export type Environment = Account["environment"];
export type EnvironmentFacts = Schemas["EnvironmentFacts"];
export type Fault = Schemas["Fault"];
export type Fill = Schemas["Fill"];
export type Instrument = Schemas["Instrument"];
export type IntentAnswer = Schemas["IntentAnswer"];
export type IntentHistory = Schemas["IntentHistory"];
export type Interval = CandleList["interval"];
export type NewConnection = Schemas["NewConnection"];
export type Order = Schemas["Order"];
export type OrderStatus = Order["status"];
export type OrderType = Order["order_type"];
export type PlaceIntent = Schemas["PlaceIntent"];
export type PublicTrade = Schemas["PublicTrade"];
export type Position = Schemas["Position"];
export type Reason = Schemas["Reason"];
export type Session = Schemas["SessionState"];
export type Side = Order["side"];
export type SizingUnit = Schemas["PreviewBody"]["quantity_unit"];
export type Ticker = Schemas["Ticker"];
export type TimeInForce = PlaceIntent["time_in_force"];
export type TriggerBy = Schemas["TriggerBody"]["by"];
