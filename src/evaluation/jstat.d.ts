/** Types of the used part of jstat; the package has none. */
declare module "jstat" {
  const jStat: {
    /** ln(gamma(x)) */
    gammaln(x: number): number;
    studentt: {
      /** Quantile p of Student's t distribution. */
      inv(p: number, degreesOfFreedom: number): number;
    };
  };
  export default jStat;
}
